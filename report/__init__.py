"""Tables into HTML and XLSX for people."""

"""QTI packages: 3.0 out; 3.0 and 2.x in. https://www.imsglobal.org/spec/qti/v3p0/impl"""

from engine.bank.qti.package import read_item, read_qti, write_qti

__all__ = ["read_item", "read_qti", "write_qti"]

"""The command line: one verb a stage, no logic of its own."""

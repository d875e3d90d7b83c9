"""Amazon States Language definitions, built from plain dictionaries.

No CDK import: the definitions can be validated, drawn and run without synthesising a stack. Names
and ARNs come in as strings, which may be CDK tokens.
"""

"""Checkers that others keep: checkov, cfn-lint, Control Tower's rules for cfn-guard, parliament.

Each runs as a program of its own on the synthesised templates; what it finds is shown under the
construct's name, with the exception that stands beside the resource if there is one.
"""

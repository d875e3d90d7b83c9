"""What tests share: no test module imports another (``tests/unit/test_imports_of_tests.py``)."""

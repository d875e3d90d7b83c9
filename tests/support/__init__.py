"""What tests share: no test module imports another (``tests/unit/test_modules_of_tests.py``)."""

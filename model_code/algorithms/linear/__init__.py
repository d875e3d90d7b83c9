"""Linear models by scikit-learn: logistic, multinomial and ridge regression."""

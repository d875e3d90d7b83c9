"""Cognito user pools."""

"""Operations on a deployed Millrace: deploy, destroy, verify. Each talks to AWS as an operator."""

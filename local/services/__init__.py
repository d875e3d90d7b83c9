"""AWS services as far as the local platform adds to MiniStack: one folder a service.

Every folder has the same shape, as far as the service has the parts: ``types.py`` (CloudFormation
types), ``refusals*.py`` (what AWS refuses of properties), and modules named after what the service
does. ``local.emulator.order`` says in which order they are attached.
"""

"""SprintHub in the sandbox: the CRM as a fake, and the project `oficialmed` as its application left it."""

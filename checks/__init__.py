"""Asset checks: what the gates found, recorded with its partition; they decide nothing themselves."""

"""The command `quittance`: what a person does at a terminal, one word per thing as in the API."""

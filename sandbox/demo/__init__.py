"""The demo: everything on one machine, the whole procedure, told in plain words."""

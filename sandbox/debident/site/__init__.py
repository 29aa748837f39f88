"""The portal's site: what a clerk sees in a browser, in French or German, without any script."""

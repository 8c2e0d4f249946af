"""Pages: the web page for people, rendered here, without a build step and with nothing from outside."""

"""The command line: thin; a command parses, calls a stage or an operation, and presents."""

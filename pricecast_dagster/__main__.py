"""`python -m pricecast_dagster`: the command line, for where the command itself is not on the path."""

from pricecast_dagster.cli.main import main

if __name__ == "__main__":
    main(prog_name="pricecast")

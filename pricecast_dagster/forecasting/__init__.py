"""Pure numerics: arrays and frames in, new ones out. No settings, disk, SQL, clock, environment or Dagster in here."""

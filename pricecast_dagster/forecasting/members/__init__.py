"""Members: the methods whose forecasts a model blends, one a file, all behind `members.protocol.Member`."""

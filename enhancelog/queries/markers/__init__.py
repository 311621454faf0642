"""When something changed: derived from the log, observed at hosts, or said by people and programs."""

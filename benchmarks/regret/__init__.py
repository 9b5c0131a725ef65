"""Sample efficiency: how good the best trial is after so many, against installed peers."""

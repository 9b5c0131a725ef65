"""Records: events and their replay, frozen trials, the history as columns, spaces."""

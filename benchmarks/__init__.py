"""What ``make bench`` runs. Each module prints a table; nothing here is asserted."""

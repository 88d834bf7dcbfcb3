"""Pictures for people: grids, and files translated from one folder to another."""

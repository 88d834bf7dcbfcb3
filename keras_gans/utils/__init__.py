"""What every room may use: checks, files that appear whole, sentences that help."""

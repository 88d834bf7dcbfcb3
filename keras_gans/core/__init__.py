"""What every model of the zoo is: the contract, roles, saving, fitting, noise."""

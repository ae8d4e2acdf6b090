"""EnergyPlus as an independent plant: our buildings on a program that is not ours. Needs the extra `energyplus`."""

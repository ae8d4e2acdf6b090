"""What a building is made of: heat, air, people, traffic, weather. Arrays only, no wires."""

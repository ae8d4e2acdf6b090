"""A plant as real devices: Modbus, MQTT, the clock, and what can go wrong with them."""

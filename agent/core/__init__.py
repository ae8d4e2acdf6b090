"""The words we speak: points, scans, images, commands, units, instants, errors. No I/O, no asyncio."""

"""What a zone, CRAC, lift group or meter is: roles, defaults, templates."""

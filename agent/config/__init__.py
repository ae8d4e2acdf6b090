"""What `site.yaml` says, checked, with the line of each mistake."""

from agent.config.load import Report, check, load
from agent.config.model import SiteConfig

__all__ = ["Report", "SiteConfig", "check", "load"]

"""A system that has no thread left for the server: it says so and ends, and leaves nothing running."""

import resource
import subprocess

from command_line import environment_for
from longhaul_server import binary, children_of
from waiting import PATIENCE, wait_until

#!/usr/bin/env python3
"""Run `tidemark seed` with the same arguments."""

import os
import sys

os.execv(sys.executable, [sys.executable, "-m", "tidemark", "seed", *sys.argv[1:]])

"""`python -m epipose` is the command `epipose`."""

import sys

from epipose.cli import main

sys.exit(main())

"""Speed and memory of the product beside a floor and other tools, in one run."""

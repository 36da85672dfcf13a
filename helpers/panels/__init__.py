"""What a learner can touch: three panels of ipywidgets, each with a picture or a table for where widgets do not work.

``classify``  type or pick a review: the probability of each label, and the words that pushed
``browse``    search and page through reviews, and see what the tokenizer makes of them
``mistakes``  page through what a model got wrong, the surest mistakes first
"""

from helpers.panels.browse_panel import browse
from helpers.panels.classify_panel import classify
from helpers.panels.mistakes_panel import mistakes

__all__ = ["browse", "classify", "mistakes"]

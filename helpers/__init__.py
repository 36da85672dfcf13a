"""What the lessons lean on and do not teach.

``settings``  how big a run is, which assets and which device it uses
``environments``  the packages of a track: whether they fit, and where the other track's are
``device``    what the device is, and what is set up for it
``assets``    the choice between the Hub and the packages that are installed
``embedded``  the reviews and the checkpoint in those packages
``checks``    whether the data is what a lesson expects
``resume``    checkpoints of a run that was cut short, with a part for each track; the final model moves into place
``weights``   a TensorFlow model saved so that both tracks read it
``errors``    what a learner sees when something goes wrong, in one sentence
``hub``       what stops a push to the Hugging Face Hub, in one sentence
``pictures``  the figures
``measures``  intervals and calibration
``panels``    what a learner can touch: classify a review, browse the data, page through mistakes
``words``     which words pushed a model to its answer, with a part for each track
``results``   the figures of a run, in a file
``architectures``  which models can classify text

Importing this package imports neither torch nor tensorflow.
"""

from helpers.errors import TutorialError

__all__ = ["TutorialError"]

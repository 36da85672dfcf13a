"""What the lessons lean on and do not teach. Lessons use it in kit cells only.

What a lesson runs with
``settings``      how big a run is, which assets and which device it asks for
``assets``        where the data and the checkpoint come from, the Hub or installed packages, and the values that suit them
``checkpoint``    whether a checkpoint of one's own can take the lessons' path
``packages``      the reviews, the messages and the checkpoint in those packages
``own_file``      how a learner's own file is written
``recipe``        the values of a lesson, fitted to this machine
``environments``  the Python environments of the two tracks
``process``       what is set up in the process that a lesson runs in
``minutes``       how long the parts of the lessons take

What keeps it safe
``checks``    whether the data is what a lesson expects
``resume``    a run that was cut short goes on; a model is saved whole
``errors``    what a learner sees when something goes wrong, in one sentence
``hub``       what stops a push to the Hugging Face Hub, in one sentence
``progress``  a sign of life
``results``   the figures of a run, in a file beside the model

What it shows
``pictures``       the figures
``panels``         what a learner can touch: classify a review, browse the data, page through mistakes
``words``          which words pushed a model to its answer
``architectures``  which models can classify text

``doctor``     whether a machine is ready for them: ``make doctor``
``exercises``  whether an answer is right, and a hint if not

``lessons``      the plain code of the lessons (``scripts``), run again where a later lesson has no model, and by benchmarks
``first_model``  the model that lessons 02 and 03 open

``pytorch`` and ``tensorflow`` hold what exists per track; apart from the lessons' own code, they alone import a framework.
``metrics`` is the accuracy of ``evaluate``, for places without a network. Importing this package imports neither framework.
"""

import sys

# Said before anything is imported that an older Python cannot read, and in a way that it can.
if sys.version_info < (3, 11):  # noqa: UP036
    _here = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.exit(
        "This kit needs Python 3.11, 3.12 or 3.13, and this is " + _here + "; name another: make PYTHON=python3.12 …"
    )

from helpers.errors import TutorialError

__all__ = ["TutorialError"]

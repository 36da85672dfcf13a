"""Which architectures can classify text, read from the installed transformers."""


def supported() -> dict[str, list[str]]:
    """The names of the architectures that have a sequence-classification class, by track.

    Returns ``{"PyTorch and TensorFlow": [...], "PyTorch only": [...]}``, each in alphabetical order. The tables of
    transformers are read without either framework. Release 5 has no TensorFlow table: the first list is then empty.
    """
    from transformers.models.auto.configuration_auto import MODEL_NAMES_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as pytorch

    try:
        from transformers.models.auto.modeling_tf_auto import (
            TF_MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as tensorflow,
        )
    except ImportError:
        tensorflow = {}
    both = {MODEL_NAMES_MAPPING[key] for key in pytorch if key in tensorflow}
    only = {MODEL_NAMES_MAPPING[key] for key in pytorch} - both
    return {"PyTorch and TensorFlow": sorted(both, key=str.casefold), "PyTorch only": sorted(only, key=str.casefold)}

"""Which architectures can classify text, read from the installed transformers."""

# The names that the guide gives to 79 architectures, by transformers' own key. Releases after 5.5 have no such table.
GUIDE = {
    "albert": "ALBERT", "bart": "BART", "bert": "BERT", "big_bird": "BigBird", "bigbird_pegasus": "BigBird-Pegasus",
    "biogpt": "BioGpt", "bloom": "BLOOM", "camembert": "CamemBERT", "canine": "CANINE", "code_llama": "CodeLlama",
    "convbert": "ConvBERT", "ctrl": "CTRL", "data2vec-text": "Data2VecText", "deberta": "DeBERTa",
    "deberta-v2": "DeBERTa-v2", "distilbert": "DistilBERT", "electra": "ELECTRA", "ernie": "ERNIE", "ernie_m": "ErnieM",
    "esm": "ESM", "falcon": "Falcon", "flaubert": "FlauBERT", "fnet": "FNet", "funnel": "Funnel Transformer",
    "gpt-sw3": "GPT-Sw3", "gpt2": "OpenAI GPT-2", "gpt_bigcode": "GPTBigCode", "gpt_neo": "GPT Neo",
    "gpt_neox": "GPT NeoX", "gptj": "GPT-J", "ibert": "I-BERT", "layoutlm": "LayoutLM", "layoutlmv2": "LayoutLMv2",
    "layoutlmv3": "LayoutLMv3", "led": "LED", "lilt": "LiLT", "llama": "LLaMA", "longformer": "Longformer", "luke": "LUKE",
    "markuplm": "MarkupLM", "mbart": "mBART", "mega": "MEGA", "megatron-bert": "Megatron-BERT", "mistral": "Mistral",
    "mixtral": "Mixtral", "mobilebert": "MobileBERT", "mpnet": "MPNet", "mpt": "MPT", "mra": "MRA", "mt5": "MT5",
    "mvp": "MVP", "nezha": "Nezha", "nystromformer": "Nyströmformer", "open-llama": "OpenLlama",
    "openai-gpt": "OpenAI GPT", "opt": "OPT", "perceiver": "Perceiver", "persimmon": "Persimmon", "phi": "Phi",
    "plbart": "PLBart", "qdqbert": "QDQBert", "qwen2": "Qwen2", "reformer": "Reformer", "rembert": "RemBERT",
    "roberta": "RoBERTa", "roberta-prelayernorm": "RoBERTa-PreLayerNorm", "roc_bert": "RoCBert", "roformer": "RoFormer",
    "squeezebert": "SqueezeBERT", "t5": "T5", "tapas": "TAPAS", "transfo-xl": "Transformer-XL", "umt5": "UMT5",
    "xlm": "XLM", "xlm-roberta": "XLM-RoBERTa", "xlm-roberta-xl": "XLM-RoBERTa-XL", "xlnet": "XLNet", "xmod": "X-MOD",
    "yoso": "YOSO",
}  # fmt: skip


def supported(track: str) -> dict[str, list[str]]:
    """The architectures that have a sequence-classification class for ``track`` in the installed transformers.

    Returns a heading for each list of names: those the guide names, those that came since (by the names of their classes),
    and those of the guide that this release does not have; each in alphabetical order, and a list with nothing in it left out.
    """
    if track == "pytorch":
        from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as classes
    else:
        from transformers.models.auto.modeling_tf_auto import (
            TF_MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as classes,
        )
    newer = {
        name.removeprefix("TF").removesuffix("ForSequenceClassification")
        for key, name in classes.items()
        if key not in GUIDE
    }
    lists = {
        "In the guide, and here": [name for key, name in GUIDE.items() if key in classes],
        "Newer than the guide": newer,
        "In the guide, and not here": [name for key, name in GUIDE.items() if key not in classes],
    }
    return {heading: sorted(names, key=str.casefold) for heading, names in lists.items() if names}

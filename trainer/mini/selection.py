"""Which conditions the embedded model is trained on, and the casebook made from them.

Role: the first model knows fifty conditions, five in each domain.  The other entries of the
knowledge base lend their wordings of shared findings and nothing else.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from diffdx_tui.domain.knowledge import read_knowledge
from trainer.mini.cases import Casebook

_CORE = """
acute-myocardial-infarction aortic-dissection acute-pericarditis atrial-fibrillation
heart-failure
subarachnoid-haemorrhage ischaemic-stroke migraine bacterial-meningitis bells-palsy
acute-appendicitis acute-cholecystitis acute-pancreatitis renal-colic ectopic-pregnancy
community-acquired-pneumonia pulmonary-embolism acute-asthma spontaneous-pneumothorax
copd-exacerbation
influenza infectious-mononucleosis malaria acute-pyelonephritis meningococcal-septicaemia
herpes-zoster plaque-psoriasis atopic-eczema acute-urticaria melanoma
gout septic-arthritis rheumatoid-arthritis knee-osteoarthritis lumbar-disc-herniation
intussusception bronchiolitis croup kawasaki-disease pyloric-stenosis
diabetic-ketoacidosis hypoglycaemia graves-disease hypothyroidism adrenal-insufficiency
major-depressive-episode panic-disorder bipolar-disorder schizophrenia
alcohol-withdrawal-delirium
"""

CORE: tuple[str, ...] = tuple(_CORE.split())
"""Ids of the fifty, five to a line's domain."""


class MissingCondition(LookupError):
    """The knowledge folder lacks a condition the model is to be trained on."""


def read_casebook(knowledge: Path, names: tuple[str, ...] = CORE) -> Casebook:
    """The casebook of *names*, in their order.

    Raises:
        MissingCondition: one of *names* has no entry in *knowledge*.
    """
    known = {condition.id: condition for condition in read_knowledge(knowledge)}
    missing = [name for name in names if name not in known]
    if missing:
        raise MissingCondition(f"{knowledge} has no entry for {', '.join(missing)}")
    others = [condition for name, condition in known.items() if name not in names]
    return Casebook([known[name] for name in names], others)


def hash_knowledge(knowledge: Path) -> str:
    """SHA-256 over the knowledge files, in name order."""
    digest = hashlib.sha256()
    for path in sorted(knowledge.glob("*.yaml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()

"""The best of a run leave it as PEFT adapters."""

from peft import PeftModel
from puddle import world

from evolora.build import open_run
from evolora.host.load import load_host
from evolora.record.residents import merit
from evolora.share.elites import export_elites


def test_a_finished_run_exports_its_best_and_peft_opens_them(tmp_path):
    simulation = open_run(world(generations=4, record={"elites": 3}), tmp_path)
    simulation.run()
    folders = export_elites(simulation.run_dir.path)
    assert len(folders) == 3
    merits = [merit(simulation.world.population[int(folder.name[-6:])]) for folder in folders]
    assert merits == sorted(merits, reverse=True)
    assert merits[0] == max(merit(organism) for organism in simulation.world.population)
    for folder in folders:
        PeftModel.from_pretrained(load_host("tiny-llama", device="cpu", dtype="float32").model, folder)

package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.page.Png;
import dev.flowtraining.trainer.synthesize.HeldOut;
import dev.flowtraining.trainer.synthesize.MelDistance;
import dev.flowtraining.trainer.synthesize.MelPicture;
import dev.flowtraining.trainer.synthesize.Speech;
import dev.flowtraining.trainer.synthesize.Synthesizer;
import dev.flowtraining.trainer.vocoder.Vocoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Every so many steps a few held-out utterances are made from their own tokens with the weights as they are, so that
 * one can see and hear what is being learned while the loss only falls. Draws nothing and changes nothing of the training.
 */
final class Probes {
  private final FlowConfig.Probe config;
  private final FlowConfig all;
  private final RunLayout layout;
  private final TrainLog log;
  private final Synthesizer synthesizer;
  private final Vocoder vocoder;
  private List<Example> examples;
  private long last = -1;

  Probes(FlowConfig config, RunLayout layout, Parameters parameters, TrainLog log, Vocoder vocoder) {
    this.config = config.probeConf();
    all = config;
    this.layout = layout;
    this.log = log;
    this.vocoder = vocoder;
    synthesizer = new Synthesizer(FlowModel.ofMasters(config.model(), config.cfm(), parameters),
        config.model().inferenceCfgRate());
  }

  boolean dueAt(Cursor cursor) {
    return config.interval() > 0 && cursor.step() % config.interval() == 0;
  }

  /** The last weights, whatever step they are of. */
  void atTheEnd(Cursor cursor) throws IOException {
    if (config.interval() > 0 && cursor.step() != last) {
      listen(cursor);
    }
  }

  void listen(Cursor cursor) throws IOException {
    long start = System.nanoTime();
    last = cursor.step();
    boolean first = examples == null;
    if (first) {
      examples = examples();
    }
    List<Speech> speeches = new ArrayList<>();
    for (Example example : examples) {
      speeches.add(synthesizer.speech(example, Synthesizer.Prompt.NONE));
      keep(cursor.step(), speeches.size(), speeches.getLast(), first);
    }
    MelDistance distance = MelDistance.of(speeches);
    double seconds = (System.nanoTime() - start) / 1e9;
    log.say(String.format(Locale.ROOT, "probe at step %d: mel L1 %.4f, %.3f of the mean mel's; %d utterances in %.1f s",
        cursor.step(), distance.l1(), distance.ratio(), speeches.size(), seconds));
    Map<String, Object> metric = new LinkedHashMap<>();
    metric.put("epoch", cursor.epoch());
    metric.put("step", cursor.step());
    metric.put("mel_l1", distance.l1());
    metric.put("mean_mel_l1", distance.meanMelL1());
    metric.put("utterances", speeches.size());
    metric.put("seconds", seconds);
    log.metric("probe", metric);
  }

  private List<Example> examples() throws IOException {
    int groups = Math.max(1, (int) (config.seconds() * Example.FRAMES_PER_SECOND / DualCodebook.FRAMES));
    return HeldOut.spread(ParquetExamples.of(layout.dataList("dev"), all), config.utterances()).stream()
        .map(e -> e.part(0, groups)).toList();
  }

  private void keep(long step, int number, Speech speech, boolean first) throws IOException {
    String name = speech.fileName(number);
    Path folder = layout.probe(step);
    byte[] wav = wav(speech.predicted_FC());
    WholeFile.bytes(folder.resolve(name + ".png"), Png.of(MelPicture.cells(speech)));
    WholeFile.bytes(folder.resolve(name + ".wav"), wav);
    log.picture(step, "PROBE/mel/" + name, MelPicture.png(speech));
    log.audio(step, "PROBE/audio/" + name, wav);
    if (first) {
      log.audio(step, "PROBE/audio_real/" + name, wav(speech.real_FC()));
    }
  }

  private byte[] wav(float[] mel_FC) {
    return Wav.encode(new Waveform(vocoder.audio(mel_FC), Mel.RATE));
  }
}

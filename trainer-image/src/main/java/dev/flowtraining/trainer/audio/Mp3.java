package dev.flowtraining.trainer.audio;

import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import java.io.ByteArrayInputStream;
import java.util.Arrays;
import javazoom.jl.decoder.Bitstream;
import javazoom.jl.decoder.BitstreamException;
import javazoom.jl.decoder.Decoder;
import javazoom.jl.decoder.DecoderException;
import javazoom.jl.decoder.Header;
import javazoom.jl.decoder.Obuffer;

/** MP3. What {@link Mp3Frames} finds is decoded by JLayer, in floats, without rounding to 16 bits. */
final class Mp3 {
  /** What JLayer calls full scale. */
  private static final float FULL_SCALE = 32_700;

  private Mp3() {}

  static AudioFile.Info info(byte[] file) throws Unusable {
    Mp3Frames frames = Mp3Frames.of(file);
    return new AudioFile.Info(frames.rate(), frames.channels(), "MP3", frames.samples());
  }

  static Waveform decode(byte[] file) throws Unusable {
    Mp3Frames frames = Mp3Frames.of(file);
    MonoBuffer out = new MonoBuffer(frames.skip(), frames.samples());
    Bitstream stream =
        new Bitstream(new ByteArrayInputStream(file, frames.start(), frames.end() - frames.start()));
    Decoder decoder = new Decoder();
    FrameBuffer buffer = new FrameBuffer(frames.frameSamples());
    decoder.setOutputBuffer(buffer);
    try {
      for (Header header = stream.readFrame(); header != null; header = stream.readFrame()) {
        buffer.begin(header.mode() == Header.SINGLE_CHANNEL ? 1 : 2);
        decoder.decodeFrame(header, stream);
        stream.closeFrame();
        buffer.emit(out);
      }
    } catch (BitstreamException | DecoderException e) {
      throw new Unusable(RejectReason.CORRUPT_AUDIO, "an MP3 frame is damaged (" + e.getMessage() + ")");
    }
    return out.waveform(frames.rate());
  }

  /**
   * One frame's output. A frame that needs bits of frames which were cut off before the start stays silent, as in other
   * decoders, so that time is kept.
   */
  private static final class FrameBuffer extends Obuffer {
    private final float[] sum;
    private final int[] at = new int[MAXCHANNELS];
    private int channels;

    FrameBuffer(int samples) {
      sum = new float[samples];
    }

    void begin(int frameChannels) {
      Arrays.fill(sum, 0);
      Arrays.fill(at, 0);
      channels = frameChannels;
    }

    @Override
    public void appendSamples(int channel, float[] samples) {
      for (float s : samples) {
        sum[at[channel]++] += s;
      }
    }

    @Override
    public void append(int channel, short value) {
      sum[at[channel]++] += value;
    }

    void emit(MonoBuffer out) {
      for (float s : sum) {
        out.add(s / (FULL_SCALE * channels));
      }
    }

    @Override
    public void write_buffer(int value) {}

    @Override
    public void close() {}

    @Override
    public void clear_buffer() {}

    @Override
    public void set_stop_flag() {}
  }
}

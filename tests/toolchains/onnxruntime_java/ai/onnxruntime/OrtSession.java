package ai.onnxruntime;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

public class OrtSession implements AutoCloseable {
  private final long handle;
  private final String[] outputs;
  private boolean closed;

  OrtSession(ByteBuffer model, SessionOptions options) throws OrtException {
    String[] keys = options.entries.keySet().toArray(new String[0]);
    String[] values = options.entries.values().toArray(new String[0]);
    handle =
        Native.createSession(
            model, model.position(), model.remaining(), options.intraOp, options.interOp, keys, values);
    outputs = Native.names(handle, true);
  }

  public Map<String, NodeInfo> getInputInfo() throws OrtException {
    Map<String, NodeInfo> found = new LinkedHashMap<>();
    String[] names = Native.names(handle, false);
    for (int i = 0; i < names.length; i++) {
      TensorInfo info = new TensorInfo(OnnxJavaType.of(Native.inputType(handle, i)), new long[0]);
      found.put(names[i], new NodeInfo(names[i], info));
    }
    return found;
  }

  public Result run(Map<String, ? extends OnnxTensorLike> inputs) throws OrtException {
    return run(inputs, new LinkedHashSet<>(Arrays.asList(outputs)), Collections.emptyMap());
  }

  /** As in the real API: the result does not own what is pinned, and no output is in both. */
  public Result run(
      Map<String, ? extends OnnxTensorLike> inputs,
      Set<String> requestedOutputs,
      Map<String, ? extends OnnxValue> pinnedOutputs)
      throws OrtException {
    if (closed) {
      throw new IllegalStateException("Trying to score a closed OrtSession.");
    }
    String[] names = inputs.keySet().toArray(new String[0]);
    long[] handles = new long[names.length];
    for (int i = 0; i < names.length; i++) {
      handles[i] = inputs.get(names[i]).nativeHandle;
    }
    if (!Collections.disjoint(requestedOutputs, pinnedOutputs.keySet())) {
      throw new OrtException("The requested outputs and the pinned outputs must be disjoint.");
    }
    List<String> wanted = new ArrayList<>(requestedOutputs);
    wanted.addAll(pinnedOutputs.keySet());
    long[] results = new long[wanted.size()];
    for (int i = requestedOutputs.size(); i < results.length; i++) {
      results[i] = ((OnnxTensor) pinnedOutputs.get(wanted.get(i))).nativeHandle;
    }
    String[] asked = wanted.toArray(new String[0]);
    return new Result(
        asked, Native.run(handle, names, handles, asked, results), requestedOutputs.size());
  }

  @Override
  public void close() throws OrtException {
    if (closed) {
      throw new IllegalStateException("Trying to close an already closed OrtSession.");
    }
    closed = true;
    Native.releaseSession(handle);
  }

  public static class SessionOptions implements AutoCloseable {
    int intraOp;
    int interOp;
    final Map<String, String> entries = new LinkedHashMap<>();

    public void setIntraOpNumThreads(int threads) throws OrtException {
      intraOp = threads;
    }

    public void setInterOpNumThreads(int threads) throws OrtException {
      interOp = threads;
    }

    public void addConfigEntry(String key, String value) throws OrtException {
      entries.put(key, value);
    }

    public void addNnapi() throws OrtException {
      throw new OrtException("This build does not contain NNAPI.");
    }

    public void addXnnpack(Map<String, String> options) throws OrtException {
      throw new OrtException("This build does not contain XNNPACK.");
    }

    @Override
    public void close() {}
  }

  public static class Result implements AutoCloseable, Iterable<Map.Entry<String, OnnxValue>> {
    private final Map<String, OnnxValue> values = new LinkedHashMap<>();

    Result(String[] names, long[] handles, int owned) {
      for (int i = 0; i < owned; i++) {
        values.put(names[i], new OnnxTensor(handles[i], null));
      }
    }

    public Optional<OnnxValue> get(String name) {
      return Optional.ofNullable(values.get(name));
    }

    @Override
    public Iterator<Map.Entry<String, OnnxValue>> iterator() {
      return values.entrySet().iterator();
    }

    @Override
    public void close() {
      values.values().forEach(OnnxValue::close);
    }
  }
}

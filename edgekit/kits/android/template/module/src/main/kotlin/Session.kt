package edgekit.kit

import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer

/** @param bytes of the model, kept for as long as the session lives: of an .ort file it reads the weights there. */
internal fun openSession(environment: OrtEnvironment, bytes: ByteBuffer, options: Options): OrtSession =
    OrtSession.SessionOptions().use { settings ->
        settings.configure(options)
        environment.createSession(bytes, settings)
    }

private fun OrtSession.SessionOptions.configure(options: Options) {
    setInterOpNumThreads(1)
    setIntraOpNumThreads(options.threads)
    // Spinning workers would take cores and battery from the rest of the app.
    addConfigEntry("session.intra_op.allow_spinning", "0")
    if (Kit.MODEL.endsWith(".ort")) {
        addConfigEntry("session.use_ort_model_bytes_directly", "1")
        addConfigEntry("session.use_ort_model_bytes_for_initializers", "1")
    }
    when (options.provider) {
        Provider.CPU -> Unit
        Provider.NNAPI -> addNnapi()
        Provider.XNNPACK -> {
            // It has threads of its own, and ONNX Runtime's beside them would be in its way.
            setIntraOpNumThreads(1)
            addXnnpack(mapOf("intra_op_num_threads" to options.threads.toString()))
        }
    }
}

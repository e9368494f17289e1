package edgekit.kit

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers

/** What executes the model. The operators that it can't run, ONNX Runtime runs on the CPU. */
enum class Provider { CPU, XNNPACK, NNAPI }

/**
 * How a model is opened.
 *
 * @property threads of one answer; more than the device has fast cores makes it slower.
 * @property provider what executes the model: measure before leaving [Provider.CPU].
 * @property dispatcher where answers are computed; never the main thread's.
 */
class Options(
    val threads: Int = minOf(2, Runtime.getRuntime().availableProcessors()),
    val provider: Provider = Provider.CPU,
    val dispatcher: CoroutineDispatcher = Dispatchers.Default,
)

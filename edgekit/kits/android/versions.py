"""What the Gradle files ask for. The tests compile and run the Kotlin; they can't run Gradle or Android."""

ONNXRUNTIME = "1.27.0"  # onnxruntime-android, the newest that was published when this was written
COROUTINES = "1.8.0"  # the one that the tests compile against
AGP = "9.0.0"  # Android Gradle plugin; needs Gradle 9.1 and JDK 17
COMPILE_SDK = "36"
MIN_SDK = "24"  # Android 7: the first with java.util.Optional, which ONNX Runtime's API gives
TEST_RUNNER = "1.7.0"
TEST_EXT = "1.3.0"

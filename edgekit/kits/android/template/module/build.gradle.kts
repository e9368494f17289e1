// Android Gradle plugin 9 and newer compile Kotlin themselves; with 8, add id("org.jetbrains.kotlin.android").
plugins {
    id("com.android.library")
}

android {
    namespace = "@PACKAGE@"
    compileSdk = @COMPILE_SDK@
    defaultConfig {
        minSdk = @MIN_SDK@
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
        consumerProguardFiles("consumer-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
    // A model that is stored as it is can be mapped into memory instead of being copied there.
    androidResources {
        noCompress += listOf("onnx", "ort")
    }
    // The benchmark runs the samples of the tests.
    sourceSets.getByName("test").kotlin.srcDir("src/shared/kotlin")
    sourceSets.getByName("test").resources.srcDir("src/shared/resources")
    sourceSets.getByName("androidTest").kotlin.srcDir("src/shared/kotlin")
    sourceSets.getByName("androidTest").assets.srcDir("src/shared/resources")
}

dependencies {
    implementation("com.microsoft.onnxruntime:onnxruntime-android:@ONNXRUNTIME@")
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:@COROUTINES@")
    // The same runtime for the JVM: the golden tests run the model without a device.
    testImplementation("com.microsoft.onnxruntime:onnxruntime:@ONNXRUNTIME@")
    testImplementation("junit:junit:4.13.2")
    androidTestImplementation("androidx.test:runner:@TEST_RUNNER@")
    androidTestImplementation("androidx.test.ext:junit:@TEST_EXT@")
}

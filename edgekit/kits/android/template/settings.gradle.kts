// Opens the kit by itself, to test it or to run its benchmark. An app includes the module folder alone.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
    plugins {
        id("com.android.library") version "@AGP@"
    }
}
dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}
rootProject.name = "@MODULE@-kit"
include(":@MODULE@")

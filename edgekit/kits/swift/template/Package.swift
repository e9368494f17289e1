// swift-tools-version:5.9
import PackageDescription

// Core ML exists on Apple's systems only. On Linux a stand-in of the few names that are used here lets everything
// compile, and answers with recorded outputs when it is tested.
#if os(Linux)
let coreML: [Target.Dependency] = ["CoreML"]
let standIns: [Target] = [.target(name: "CoreML", path: "StandIns/CoreML")]
#else
let coreML: [Target.Dependency] = []
let standIns: [Target] = []
#endif

let package = Package(
    name: "KitModule",
    platforms: [/*PLATFORMS*/],
    products: [
        .library(name: "KitModule", targets: ["KitModule"]),
        .library(name: "KitModuleBenchmark", targets: ["KitModuleBenchmark"]),
        .executable(name: "edgekit-bench", targets: ["KitModuleBench"]),
    ],
    targets: [
        .target(
            name: "KitModule",
            dependencies: coreML,
            // One by one: a copied folder is no layout that code signing takes on iOS.
            resources: [/*RESOURCES*/]
        ),
        .target(name: "KitModuleBenchmark", dependencies: ["KitModule"], resources: [/*SAMPLES*/]),
        .executableTarget(name: "KitModuleBench", dependencies: ["KitModuleBenchmark"]),
        .testTarget(
            name: "KitModuleTests",
            dependencies: ["KitModule", "KitModuleBenchmark"] + coreML,
            resources: [/*VECTORS*/]
        ),
    ] + standIns
)

using WirePS.Build;

const string Help = """
    usage: ./build.sh <command>        (in PowerShell: ./build.ps1 <Command>)

      build      build the solution
      test       build, run every test; the last line is 'N passed, N failed, N skipped'
      demo       watch two homes pair through a relay
      publish    put the module together in out/module/WirePS
      install    publish, and put the module where Import-Module finds it
                   --destination <folder>   another folder of modules
      bench      measure pairings, the relay, and a long list of pairings
                   --rounds <n>             pairings to measure (20 or more)
                   --only <part>            one part: pairing, rendezvous, events, invites
      help       this text

    Needed: the .NET SDK 10. Installed where they are missing and may be installed: libsodium and SQLite from the
    distribution, and PowerShell 7.6 as a .NET tool in out/tools. Without PowerShell the rest goes on, and says so.
    """;

using var interrupted = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) =>
{
    // The children got the signal as well; this program waits for them, and ends after them.
    key.Cancel = true;
    interrupted.Cancel();
};

try
{
    var arguments = Arguments.Parse(args);
    return arguments.Command switch
    {
        "build" => await Solution.BuildAsync(interrupted.Token),
        "publish" => await Publication.MakeAsync(interrupted.Token),
        "install" => await Installation.MakeAsync(arguments.Option("destination"), interrupted.Token),
        "test" => await TestRun.MakeAsync(interrupted.Token),
        "demo" => await Demo.ShowAsync(interrupted.Token),
        "bench" => await Benchmark.RunAsync(arguments.Option("rounds"), arguments.Option("only"), interrupted.Token),
        "help" or "--help" or "-h" => Say(Help),
        _ => throw new BuildException($"there is no command '{arguments.Command}'; './build.sh help' lists them"),
    };
}
catch (BuildException problem)
{
    Console.Error.WriteLine($"build: {problem.Message}");
    return 1;
}
catch (OperationCanceledException)
{
    return 130;
}

static int Say(string text)
{
    Console.WriteLine(text);
    return 0;
}

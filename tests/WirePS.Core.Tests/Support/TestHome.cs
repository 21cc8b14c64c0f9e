using WirePS.Identity;

namespace WirePS.Tests.Support;

/// <summary>A home of its own in the temporary folder; gone when disposed.</summary>
internal sealed class TestHome : IDisposable
{
    public TestHome()
    {
        Folder = Directory.CreateTempSubdirectory("wireps-test-").FullName;
        Home = WireHome.Resolve(Folder);
    }

    public string Folder { get; }

    public WireHome Home { get; }

    /// <summary>Every file below the home, relative, without locks.</summary>
    public IReadOnlyList<string> Files =>
        [.. Directory.EnumerateFiles(Folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(path => Path.GetRelativePath(Folder, path).Replace('\\', '/'))
            .Where(path => !path.EndsWith(".lock", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (IOException)
        {
            // A watcher's last event may still hold it on some systems; the temporary folder is cleaned by the machine.
        }
    }
}

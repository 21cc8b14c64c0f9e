using WirePS.Daemon;
using Xunit;

namespace WirePS.Tests.Daemon;

/// <summary>Where a program that is started by its bare name is looked for.</summary>
public sealed class ProgramPathTests
{
    [Fact]
    public void A_program_is_never_taken_from_the_current_folder()
    {
        const string Name = "wireps-no-such-notifier";
        var here = Path.Combine(Directory.GetCurrentDirectory(), Name);
        var elsewhere = Directory.CreateTempSubdirectory("wireps-path").FullName;
        try
        {
            File.WriteAllText(here, "");
            Assert.Null(ProgramPath.Find(Name, null));
            Assert.Null(ProgramPath.Find(Name, string.Join(Path.PathSeparator, "", ".", "..", "folder", elsewhere)));
            File.WriteAllText(Path.Combine(elsewhere, Name), "");
            Assert.Equal(Path.Combine(elsewhere, Name), ProgramPath.Find(Name, string.Join(Path.PathSeparator, ".", elsewhere)));
        }
        finally
        {
            File.Delete(here);
            Directory.Delete(elsewhere, recursive: true);
        }
    }
}
